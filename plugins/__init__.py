"""The plugins that come with vmtrail."""
