"""What the integration tests run against: programs, fakes, and HTTP as bytes."""
