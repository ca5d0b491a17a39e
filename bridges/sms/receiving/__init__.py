"""What comes from the network: taken, put together, brought to whose number it came to, and shown."""
