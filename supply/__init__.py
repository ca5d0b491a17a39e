"""What a release is made with: archives that come out the same everywhere, and reports about what they depend on."""
