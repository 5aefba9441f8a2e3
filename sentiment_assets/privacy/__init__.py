"""What moves across every store: who may read what, and later erasure, retention and the audit."""
