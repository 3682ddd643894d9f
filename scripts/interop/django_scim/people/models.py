"""Users and groups as django-scim2's README asks for them."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class User(AbstractSCIMUserMixin, AbstractUser):
    scim_groups = models.ManyToManyField(
        "people.Group", through="people.GroupMembership"
    )

    class Meta:
        app_label = "people"


class Group(AbstractSCIMGroupMixin):
    name = models.CharField(max_length=200)

    class Meta:
        app_label = "people"


class GroupMembership(models.Model):
    user = models.ForeignKey("people.User", on_delete=models.CASCADE)
    group = models.ForeignKey("people.Group", on_delete=models.CASCADE)
