"""From files of any format to stores that are read fast."""
