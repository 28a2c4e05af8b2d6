from django.apps import AppConfig


class ThirdPartyConfig(AppConfig):
    """Brings the kind `iban`."""

    name = "tests.thirdparty_app"
    label = "thirdparty_app"

    def ready(self) -> None:
        from tests.thirdparty_app.iban import IbanKind
        from workflows_app.core.kinds import register

        register(IbanKind())
