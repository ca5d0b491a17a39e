"""What a service manager needs to know of us: the unit and the user, as files in the package."""
