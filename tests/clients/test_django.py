"""Django: migrations of the contrib apps and of an app with most field types, the ORM, inspectdb, the admin."""
import datetime as dt
import decimal
import io
import pathlib
import sys
import tempfile
import uuid

import django
from django.conf import settings

from client import HOST, PASSWORD, PORT, USER, fresh_database, same

settings.configure(
    DEBUG=False,
    SECRET_KEY="x",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="shop.urls",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": fresh_database("client_django"),
            "HOST": HOST, "PORT": PORT, "USER": USER, "PASSWORD": PASSWORD,
        }
    },
    INSTALLED_APPS=[
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages", "django.contrib.sites", "django.contrib.postgres", "shop",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {"context_processors": [
                "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]},
        }
    ],
    STATIC_URL="/static/",
)  # fmt: skip

MODELS = '''
import uuid
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

class Maker(models.Model):
    name = models.CharField(max_length=50, unique=True)
    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="maker_lower")]

class Tag(models.Model):
    slug = models.SlugField()

class Item(models.Model):
    key = models.UUIDField(default=uuid.uuid4, unique=True)
    maker = models.ForeignKey(Maker, on_delete=models.CASCADE, related_name="items")
    tags = models.ManyToManyField(Tag)
    title = models.CharField(max_length=100, db_index=True)
    text = models.TextField(blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    weight = models.FloatField(null=True)
    count = models.PositiveIntegerField(default=0)
    small = models.SmallIntegerField(default=1)
    big = models.BigIntegerField(default=2**40)
    live = models.BooleanField(default=True)
    raw = models.BinaryField(default=b"")
    day = models.DateField(null=True)
    clock = models.TimeField(null=True)
    made = models.DateTimeField(auto_now_add=True)
    span = models.DurationField(null=True)
    data = models.JSONField(default=dict)
    numbers = ArrayField(models.IntegerField(), default=list)
    email = models.EmailField(blank=True)
    total = models.GeneratedField(expression=models.F("price") * models.F("count"), output_field=models.DecimalField(max_digits=14, decimal_places=2), db_persist=True)
    class Meta:
        indexes = [models.Index(fields=["-made", "title"], name="item_made"), models.Index(fields=["price"], name="item_live", condition=models.Q(live=True))]
        constraints = [models.CheckConstraint(condition=models.Q(price__gte=0), name="price_positive")]
'''
URLS = "from django.contrib import admin\nfrom django.urls import path\nurlpatterns = [path('admin/', admin.site.urls)]\n"
ADMIN = '''
from django.contrib import admin
from .models import Item, Maker
@admin.register(Item)
class ItemAdmin(admin.ModelAdmin):
    list_display = ["title", "maker", "price"]
    list_filter = ["live", "maker", "made"]
    search_fields = ["title", "maker__name"]
    date_hierarchy = "made"
admin.site.register(Maker)
'''

folder = tempfile.TemporaryDirectory()
app = pathlib.Path(folder.name, "shop")
(app / "migrations").mkdir(parents=True)
for name, text in {"__init__": "", "models": MODELS, "urls": URLS, "admin": ADMIN, "migrations/__init__": ""}.items():
    (app / f"{name}.py").write_text(text)
sys.path.insert(0, folder.name)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connection, models, transaction  # noqa: E402
from django.db.models import Avg, Count, Exists, F, Max, OuterRef, Prefetch, Q, Subquery, Sum, Window  # noqa: E402
from django.db.models.functions import Coalesce, ExtractYear, Now, RowNumber, TruncMonth, Upper  # noqa: E402

call_command("makemigrations", "shop", verbosity=0)
call_command("migrate", verbosity=0)
call_command("migrate", verbosity=0)
call_command("makemigrations", "shop", check_changes=True, dry_run=True, verbosity=0)
call_command("check", databases=["default"], verbosity=0, stdout=io.StringIO())

from shop.models import Item, Maker, Tag  # noqa: E402

acme, other = Maker.objects.create(name="Acme"), Maker.objects.create(name="Other")
made = [
    Item(maker=acme if i % 2 else other, title=f"item {i}", price=decimal.Decimal(i), count=i, day=dt.date(2020, 1, 1 + i),
         span=dt.timedelta(hours=i), data={"i": i, "list": [i, {"x": i}]}, numbers=[i, i + 1], raw=bytes([i]), clock=dt.time(i))
    for i in range(20)
]  # fmt: skip
Item.objects.bulk_create(made)
tags = [Tag.objects.create(slug=s) for s in ("a", "b")]
first = Item.objects.get(title="item 3")
first.tags.set(tags)
same((first.total, first.numbers, bytes(first.raw), first.span), (decimal.Decimal("9.00"), [3, 4], b"\x03", dt.timedelta(hours=3)))
same(Item.objects.filter(maker__name__iexact="ACME").count(), 10)
same(Item.objects.filter(Q(title__icontains="ITEM 1") & ~Q(title="item 1")).count(), 10)
same(Item.objects.filter(title__regex=r"^item \d$", title__startswith="item").count(), 10)
same(Item.objects.filter(data__i__gte=18).count(), 2)
same(Item.objects.filter(data__list__1__x=4).count(), 1)
same(Item.objects.filter(data__contains={"i": 4}, data__has_key="list").count(), 1)
same(Item.objects.filter(numbers__contains=[4]).count(), 2)
same(Item.objects.filter(numbers__overlap=[1, 9], numbers__len=2).count(), 4)
same(Item.objects.aggregate(Sum("price"), Avg("count"), Max("day"))["price__sum"], decimal.Decimal("190.00"))
same(list(Maker.objects.annotate(n=Count("items"), s=Sum("items__price")).order_by("name").values_list("n", "s")), [(10, decimal.Decimal(100)), (10, decimal.Decimal(90))])
same(Maker.objects.filter(Exists(Item.objects.filter(maker=OuterRef("pk"), count=3))).get(), acme)
best = Item.objects.filter(maker=OuterRef("pk")).order_by("-price").values("title")[:1]
same(list(Maker.objects.order_by("id").annotate(best=Subquery(best)).values_list("best", flat=True)), ["item 19", "item 18"])
same(Item.objects.annotate(r=Window(RowNumber(), partition_by="maker", order_by="-price")).filter(r=1).count(), 2)
same(Item.objects.filter(day__year=2020, day__month=1, day__week_day=4).count() > 0, True)
same(Item.objects.annotate(y=ExtractYear("day"), m=TruncMonth("day")).values("y", "m").distinct().count(), 1)
same(Item.objects.dates("day", "month").count(), 1)
same(Item.objects.datetimes("made", "day").count(), 1)
same(Item.objects.annotate(u=Upper("title"), c=Coalesce("weight", 0.0)).filter(u="ITEM 3", c=0).count(), 1)
same(Item.objects.filter(price__gt=5).update(price=F("price") + 1, made=Now()), 14)
same(len(Item.objects.select_related("maker").prefetch_related(Prefetch("tags", Tag.objects.order_by("slug"))).order_by("-made", "id")), 20)
same(Item.objects.filter(pk__in=Item.objects.filter(count__lt=3)).union(Item.objects.filter(count=10)).count(), 4)
same(Item.objects.distinct("maker").order_by("maker", "price").count(), 2)
same(Item.objects.in_bulk([first.pk])[first.pk], first)
same(Maker.objects.get_or_create(name="Acme")[1], False)
same(Maker.objects.update_or_create(name="Third", defaults={"name": "Third"})[1], True)
Item.objects.bulk_update([first], ["title", "data"])
Maker.objects.bulk_create([Maker(id=acme.id, name="Acme 2")], update_conflicts=True, update_fields=["name"], unique_fields=["id"])
with transaction.atomic():
    same(Item.objects.select_for_update(of=("self",)).filter(count=1).first().count, 1)
    try:
        with transaction.atomic():
            Item.objects.filter(pk=first.pk).update(price=-1)
    except IntegrityError as error:
        same("price_positive" in str(error), True)
    else:
        raise SystemExit("a check constraint did not hold")
same(sum(1 for _ in Item.objects.iterator(chunk_size=7)), 20)
same(Item.objects.filter(count=1).explain() != "", True)
same(other.delete()[0] > 10, True)

names = connection.introspection.table_names()
same({"shop_item", "auth_user", "django_session"} <= set(names), True)
with connection.cursor() as cursor:
    constraints = connection.introspection.get_constraints(cursor, "shop_item")
    same(constraints["price_positive"]["check"], True)
    same(constraints["item_made"]["orders"], ["DESC", "ASC"])
    same(connection.introspection.get_sequences(cursor, "shop_item"), [{"name": "shop_item_id_seq", "table": "shop_item", "column": "id"}])
    same(connection.introspection.get_relations(cursor, "shop_item")["maker_id"][:2], ("id", "shop_maker"))
out = io.StringIO()
call_command("inspectdb", stdout=out)
same("class ShopItem" in out.getvalue() and "models.UUIDField(unique=True)" in out.getvalue(), True)

from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402

User.objects.create_superuser("admin", "a@example.com", "pw")
client = Client()
same(client.login(username="admin", password="pw"), True)
for path in ("", "shop/item/", "shop/item/?q=item+3&live__exact=1", f"shop/item/{first.pk}/change/", "auth/user/", "shop/item/add/"):
    same(client.get("/admin/" + path).status_code, 200, path)
answer = client.post("/admin/shop/maker/add/", {"name": "From the admin"})
same((answer.status_code, Maker.objects.filter(name="From the admin").count()), (302, 1))
answer = client.post(f"/admin/shop/maker/{acme.pk}/delete/", {"post": "yes"})
same((answer.status_code, Maker.objects.filter(pk=acme.pk).exists()), (302, False))

# Columns come, change and go.
call_command("flush", interactive=False, verbosity=0)
with connection.schema_editor() as editor:
    field = models.CharField(max_length=200, default="d")
    field.set_attributes_from_name("later")
    editor.add_field(Tag, field)
    longer = models.CharField(max_length=300, null=True)
    longer.set_attributes_from_name("later")
    editor.alter_field(Tag, field, longer)
    number = models.IntegerField(null=True)
    number.set_attributes_from_name("later")
    editor.remove_field(Tag, longer)
    editor.add_field(Tag, number)
    bigger = models.BigIntegerField(null=True, db_index=True)
    bigger.set_attributes_from_name("later")
    editor.alter_field(Tag, number, bigger)
    editor.alter_db_table(Tag, "shop_tag", "shop_label")
    editor.alter_db_table(Tag, "shop_label", "shop_tag")
    editor.remove_field(Tag, bigger)
call_command("migrate", "shop", "zero", verbosity=0)
same("shop_item" in connection.introspection.table_names(), False)
print("django: ok")
