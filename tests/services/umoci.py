"""umoci, which makes and unpacks images in OCI layouts, and leaves the registry to others."""

from pathlib import Path

from .client import Client
from .images import Layout

__all__ = ["Umoci"]


class Umoci(Client):
    """umoci; it changes owners, so it runs as root or, without, as if it were."""

    def make_image(self, layout: Path, files: Path, *, tag: str, configuration: dict[str, str]) -> Layout:
        """Makes a layout with an image that has the files of a folder in one layer.

        Args:
            layout: The layout's folder, which must not exist.
            files: What goes into the layer.
            tag: The image's tag.
            configuration: Labels of the image.
        """
        image = f"--image={layout}:{tag}"
        self.run("init", f"--layout={layout}")
        self.run("new", image)
        self.run("insert", "--rootless", image, files, "/files")
        self.run("config", image, *(f"--config.label={key}={value}" for key, value in configuration.items()))
        self.run("gc", f"--layout={layout}")
        return Layout.read(layout)

    def unpack(self, layout: Layout, bundle: Path) -> Path:
        """Unpacks the image of a layout into a bundle, and returns the folder of its files."""
        self.run("unpack", "--rootless", f"--image={layout.path}:{layout.tag}", bundle)
        return bundle / "rootfs"

    def tags(self, layout: Path) -> list[str]:
        """Returns the tags of a layout."""
        return self.run("list", f"--layout={layout}").decode().split()
