"""Virtual machines of one system: configurations, snapshot trees, disk chains, guests."""

from analyzer.machines.guests import GuestState, guest_states, open_guest
from analyzer.machines.inventory import Inventory, inventory
from analyzer.machines.model import Drive, Machine, Node

__all__ = ["Drive", "GuestState", "Inventory", "Machine", "Node", "guest_states", "inventory",
           "open_guest"]
