"""The base of stored documents: class names, class defaults and writes that never overwrite what others changed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import date
from typing import Any

from mongoengine import Document
from mongoengine.base.common import _document_registry
from mongoengine.base.fields import BaseField
from mongoengine.base.metaclasses import TopLevelDocumentMetaclass
from mongoengine.errors import ValidationError
from mongoengine.fields import BooleanField, DateTimeField, DictField, FloatField, IntField, ListField, StringField
from mongoengine.queryset import DoesNotExist, MultipleObjectsReturned
from pymongo import WriteConcern
from pymongo.collection import Collection

ALIAS = "rocketjob"

# Losing an acknowledged job is the one thing that must not happen, so a create waits for the majority's journals.
DURABLE = WriteConcern(w="majority", j=True)
# Everything else may be lost with a failing primary: the job then runs, or is decided upon, again.
FAST = WriteConcern(w=1)

_PLAIN_TYPES: tuple[tuple[type[BaseField], tuple[type, ...]], ...] = (
    (BooleanField, (bool,)),
    (IntField, (int,)),
    (FloatField, (int, float)),
    (StringField, (str,)),
    (DateTimeField, (date,)),
    (ListField, (list, tuple)),
    (DictField, (dict,)),
)


def _inherited_field(name: str, bases: tuple[type, ...]) -> BaseField | None:
    for base in bases:
        for owner in base.__mro__:
            field = vars(owner).get(name)
            if field is None:
                field = vars(owner).get("_fields", {}).get(name)
            if isinstance(field, BaseField):
                return field
    return None


def _with_default(class_name: str, name: str, field: BaseField, value: Any) -> BaseField:
    """A copy of an inherited field with this class's default. Field objects are shared by all classes."""
    changed = copy.copy(field)
    if callable(value):
        changed.default = value
    else:
        if value is not None:
            _check_default(class_name, name, field, value)
        changed.default = (lambda: copy.deepcopy(value)) if isinstance(value, list | dict) else value
    changed.owner_document = None
    return changed


def _check_default(class_name: str, name: str, field: BaseField, value: Any) -> None:
    wanted = next((types for kind, types in _PLAIN_TYPES if isinstance(field, kind)), (object,))
    wrong = not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted and object not in wanted)
    allowed = " or ".join(kind.__name__ for kind in wanted)
    if not wrong:
        try:
            field._validate(value)
            return
        except ValidationError as error:
            allowed = str(error.message)
    raise TypeError(f"{class_name}.{name}: the class default {value!r} does not fit this field; allowed: {allowed}")


class DocumentMeta(TopLevelDocumentMetaclass):
    """Metaclass of stored documents.

    * A plain value for an inherited field becomes this class's default for it.
    * `_cls` is the plain class name, so that changing a class's bases does not orphan its stored documents.
    * Each abstract class gets exceptions of its own; else a plain mix-in before an abstract class cannot be combined
      ("duplicate base class DoesNotExist").
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> Any:
        if "my_metaclass" in attrs:
            return super().__new__(mcs, name, bases, attrs)
        for attribute, value in list(attrs.items()):
            if isinstance(value, BaseField):
                continue
            field = _inherited_field(attribute, bases)
            if field is not None:
                if isinstance(value, property | classmethod | staticmethod):
                    raise TypeError(f"{name}.{attribute}: is a field here; its default must be a value or a function")
                attrs[attribute] = _with_default(name, attribute, field, value)
        abstract = bool(attrs.get("meta", {}).get("abstract"))
        cls = super().__new__(mcs, name, bases, attrs)
        if abstract:
            for error in (DoesNotExist, MultipleObjectsReturned):
                setattr(cls, error.__name__, type(error.__name__, (error,), {"__module__": cls.__module__}))
        mcs._use_plain_name(cls)
        cls._class_made()
        return cls

    @staticmethod
    def _use_plain_name(cls: Any) -> None:
        dotted, plain = cls._class_name, cls.__name__
        if dotted != plain:
            if _document_registry.get(dotted) is cls:
                del _document_registry[dotted]
            _document_registry[plain] = cls
            cls._class_name = plain
            for base in cls.__mro__:
                if "_subclasses" in vars(base):
                    base._subclasses = tuple(dict.fromkeys(plain if n == dotted else n for n in base._subclasses))
                    base._types = base._subclasses


class StoredDocument(Document, metaclass=DocumentMeta):
    """Base of the documents of this package: no index is made behind your back, unknown stored fields are tolerated."""

    my_metaclass = DocumentMeta
    meta = {"abstract": True, "db_alias": ALIAS, "strict": False, "auto_create_index": False}

    _stored = False
    _stored_state: str | None = None

    @classmethod
    def _class_made(cls) -> None:
        """Called once when a class has been made; job/registry.py overrides it."""

    @classmethod
    def collection(cls, *, durable: bool = False) -> Collection[Any]:
        """The pymongo collection, with the write concern for creating (`durable`) or for everything else."""
        collection: Collection[Any] = cls._get_collection()
        return collection.with_options(write_concern=DURABLE if durable else FAST)

    def _changes(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What differs from the stored document: ($set, $unset)."""
        to_set, to_unset = self._delta()
        return dict(to_set), dict(to_unset)

    def _adopt(self, stored: Mapping[str, Any]) -> None:
        """Take over the content of a stored document; changes not yet saved are dropped."""
        self._data = type(self)._from_son(dict(stored))._data
        self._mark_stored()

    def _mark_stored(self) -> None:
        # `_created` is mongoengine's own flag, which it also flips when an id is assigned; `_stored` is ours.
        self._stored = True
        self._created = False
        self._stored_state = self._data.get("state")
        self._clear_changed_fields()

    @classmethod
    def _from_son(cls, son: dict[str, Any], _auto_dereference: bool = True, created: bool = False) -> Any:
        document = super()._from_son(son, _auto_dereference=_auto_dereference, created=created)
        if not created:
            document._stored = True
            document._stored_state = document._data.get("state")
        return document
