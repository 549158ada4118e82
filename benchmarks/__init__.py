"""How long things take, beside the floor that the programs themselves set: `python -m benchmarks`."""
