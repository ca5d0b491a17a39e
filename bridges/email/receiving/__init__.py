"""Mail that comes in: taken over LMTP, kept, judged, and shown in the chat with whoever wrote it."""
