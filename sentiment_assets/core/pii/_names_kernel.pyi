from sentiment_assets.core.pii.names import VERSION as VERSION
from sentiment_assets.core.pii.names import find_names as find_names

SOURCE: str
