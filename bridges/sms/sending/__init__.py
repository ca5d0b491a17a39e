"""Messages on their way to the network: rows before promises, one outcome for each, told once."""
