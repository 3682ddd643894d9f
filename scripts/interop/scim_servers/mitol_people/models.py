"""Users with the fields that mitol-django-scim reads and writes."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMUserMixin


class User(AbstractSCIMUserMixin, AbstractUser):
    created_on = models.DateTimeField(auto_now_add=True)
    updated_on = models.DateTimeField(auto_now=True)
    global_id = models.CharField(max_length=255, unique=True, null=True)

    class Meta:
        app_label = "mitol_people"
