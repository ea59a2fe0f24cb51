"""Where audio comes from and goes back to: files, codecs, hosts. The only package that imports any of them."""
