"""Own what a config is: keys with types and rules, files, variables, reference pages. Knows no plugin and no worker."""
