"""The Celery application; workers are started by `manage.py worker`."""

import os

from celery import Celery
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

app = Celery("countersign")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _queue() -> Queue:
    """The queue of hints: the rows say what there is to do, so nobody need acknowledge one."""
    name = app.conf.task_default_queue
    arguments = {"x-queue-type": app.conf.task_default_queue_type}
    return Queue(name, Exchange(name), routing_key=name, no_ack=True, queue_arguments=arguments)


app.conf.task_queues = [_queue()]
