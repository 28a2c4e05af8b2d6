from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AgentsConfig(AppConfig):
    """Models, tools, secrets and the guarded client."""

    name = "workflows_app.agents"
    label = "agents"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Agents and tools"

    def ready(self) -> None:
        from workflows_app import definition_hooks as hooks  # noqa: PLC0415
        from workflows_app.agents.guardrail_problems import guardrail_problems  # noqa: PLC0415
        from workflows_app.agents.guardrails import guardrails_check  # noqa: PLC0415
        from workflows_app.agents.redaction import logging_redact  # noqa: PLC0415
        from workflows_app.agents.selectors.facts import check_facts  # noqa: PLC0415
        from workflows_app.agents.services.pins import pins_collect  # noqa: PLC0415
        from workflows_app.agents.steps import register_kinds  # noqa: PLC0415
        from workflows_app.agents.webhooks_out import webhook_send  # noqa: PLC0415
        from workflows_app.event_hooks import register_sender  # noqa: PLC0415
        from workflows_app.services.guardrails import register_guardrails  # noqa: PLC0415

        register_kinds()
        register_guardrails(guardrails_check)
        hooks.register_check(guardrail_problems)
        register_sender(webhook_send)
        hooks.register_check_facts(check_facts)
        hooks.register_pins(pins_collect)
        autodiscover_modules("tools")
        logging_redact()
