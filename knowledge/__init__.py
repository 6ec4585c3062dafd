"""What the policies say: records with a checked quotation each. No conversation, no clock."""
