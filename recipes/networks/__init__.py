"""Networks of all users, evaluated together; plain torch, so that trained ones run without Ray."""
