"""Users, login, roles and rights."""
