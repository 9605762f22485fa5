"""What a job asks of whoever does it: its work instruction, step by step, and a qualification."""
