"""What several tests share: how attncli is run, independent oracles, problems to work on, and readers of formats."""
