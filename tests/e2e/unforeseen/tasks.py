from celery import shared_task

from tests.e2e.unforeseen.urls import fail

NAME = "tests.unforeseen"


@shared_task(name=NAME)
def unforeseen() -> None:
    fail()
