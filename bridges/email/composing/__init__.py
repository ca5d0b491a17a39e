"""What a user writes becomes a mail: drafts, composition windows, threads, and MIME on its way out."""
