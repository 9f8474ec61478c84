"""What pytest needs to run the suite's tests: the checkout on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
