"""A modem on the desk, by gammu-smsd: a route over the tables of its SQL service. What a modem is, smsd knows."""
