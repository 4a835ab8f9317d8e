"""What `pytest --pyargs holdfast.testing --holdfast-driver NAME` collects: the plugin puts the driver's suite here."""
