"""Single sign-on, at the addresses people and identity providers use."""
