"""Give examples no time limit of their own: each test has one, and machines are shared."""

from hypothesis import settings

settings.register_profile("connectrt", settings(), deadline=None)
settings.load_profile("connectrt")
