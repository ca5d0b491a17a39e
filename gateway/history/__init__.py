"""What was said and is kept: ``recorder`` writes it down, ``answers`` show it again. The tables are the storage's."""
