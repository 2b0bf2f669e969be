"""The pages that recipients see."""
