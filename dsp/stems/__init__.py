"""What only stems can tell: roles, gain staging, bus processing, attribution, masking and alignment."""
