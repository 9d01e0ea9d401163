"""What a unit works with on this machine, and how what it leaves here gets into the store."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

from benchmarks.costs import read_prices
from benchmarks.journal import JOURNAL
from service.database import patiently
from service.file_book import PAID
from service.files import Files, key_of
from service.forecasting.defaults import FINDINGS
from service.forecasting.pages import FORECAST_FILES
from service.ledger import Ledger, Limits
from service.orders import BEGIN, FORECAST, RACE, FINISH, Order
from service.progress import ForecastBoard, ProgressBoard
from service.published import REPORT_FILES
from service.services import Services
from service.shelf import StoreShelf
from service.stored_records import StoredRecords
from service.table_book import TableBook, take_over
from service.units import Claim, Units
