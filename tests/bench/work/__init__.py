"""The app that brings the tools which `make bench` times."""
