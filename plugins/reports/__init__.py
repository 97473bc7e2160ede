"""Writers: one output format each. They format what the tables say and judge nothing."""
