"""What is measured, one module for each section; `measure(rounds)` gives its figures."""
