"""The smallest job. Run it with `python -m examples.hello`; it needs no worker server."""

from mongoengine import StringField

from rocketjob_core import Job, connect


class HelloJob(Job):
    name = StringField(required=True)

    def perform(self) -> str:
        return f"Hello {self.name}"


if __name__ == "__main__":
    connect()
    job = HelloJob.create(name="Ada")
    print(job.perform_now())
