"""A guest disk of three VHD layers, fragmented, inside the NTFS of a raw image and of an E01."""
