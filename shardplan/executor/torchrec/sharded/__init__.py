"""What TorchRec makes of modules, where it would read a batch otherwise than the unsharded ones."""
