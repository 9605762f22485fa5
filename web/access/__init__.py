"""Who is signed in where, and what programs may call with: one's own, and for an administrator everybody's."""
