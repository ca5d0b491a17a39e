"""Users who attach a mailbox that they have elsewhere, instead of having an address of ours (account mode)."""
