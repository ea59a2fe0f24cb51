"""From numbers to moves: filters that keep the shape of their analogue prototypes, and what of a plan they make."""
