"""Virtual disks: formats that say where bytes are, chains, and the one reader of them."""
