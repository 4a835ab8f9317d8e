"""A fake of Alibaba Cloud OSS, of which there is no emulator: as strict as its published descriptions are."""
