"""The service catalogue: Backstage and CSV are read, and what contradicts itself is refused by its line."""

from __future__ import annotations

import pytest

from analysis.catalogue import Catalogue, CatalogueError, Entry, read_catalogue

BACKSTAGE = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: cart
spec:
  type: service
  owner: group:default/checkout
  system: shop
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata:
  name: shop
spec:
  owner: checkout
  domain: domain:default/selling
---
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: Mail Component
  annotations:
    opentelemetry.io/service.name: mail
spec:
  owner: user:jane
---
kind: Group
metadata:
  name: checkout
"""


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_backstage_components_take_their_domain_from_their_system(tmp_path):
    found = read_catalogue(write(tmp_path, "catalog-info.yaml", BACKSTAGE))
    assert found.entries == (Entry("cart", "checkout", "selling", "shop"), Entry("mail", "jane"))
    assert found.teams == {"cart": "checkout", "mail": "jane"}
    assert found.domains == {"cart": "selling"}


def test_a_folder_of_files_is_one_catalogue(tmp_path):
    component, system, *_ = BACKSTAGE.split("---\n")
    write(tmp_path, "cart/catalog-info.yaml", component)
    write(tmp_path, "catalog-info.yml", system)
    write(tmp_path, "other.yaml", "not: this")
    assert read_catalogue(tmp_path).entries == (Entry("cart", "checkout", "selling", "shop"),)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_has_its_columns_in_any_order(tmp_path, separator):
    lines = ["Team,service,on call,system", "checkout,cart,anna,shop", ",mail,,", "checkout,cart,eve,shop"]
    text = "\ufeff" + "\r\n".join(line.replace(",", separator) for line in lines)
    found = read_catalogue(write(tmp_path, "teams.csv", text))
    assert found.entries == (Entry("cart", "checkout", "", "shop"), Entry("mail"))
    assert found.domains == {"cart": "shop"}


def test_what_is_written_is_read_again(tmp_path):
    found = read_catalogue(write(tmp_path, "catalog-info.yaml", BACKSTAGE))
    assert Catalogue.from_json(found.to_json()) == found
    assert not Catalogue()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("teams.csv", "service,team\ncart,a\ncart,b\n", "line 3: 'cart' is said to be another team's"),
        ("teams.csv", "name,team\ncart,a\n", "line 1: expected a column 'service'"),
        ("teams.csv", "service\ncart\n", "at least one of team, domain, system"),
        ("teams.csv", "service,team\n", "names no service"),
        ("teams.csv", "", "line 1: expected a column 'service'"),
        ("teams.csv", "service,team\n" + "x" * 200_000, "line 2: field larger than field limit"),
        ("c.yaml", "kind: Component\nspec: {}\n", "line 1: a component without metadata.name"),
        ("c.yaml", "kind: Group\n---\n- a list\n", "line 3: expected a Backstage entity"),
        ("c.yaml", "kind: [\n", "line"),
        ("c.yaml", "kind: Group\nmetadata: {name: a}\n", "names no service"),
        ("c.yaml", "when: 2026-13-45\n", "cannot be read as a catalogue"),
        ("c.yaml", "a: \x01", "cannot be read as a catalogue"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_place(tmp_path, name, text, said):
    path = write(tmp_path, name, text)
    with pytest.raises(CatalogueError) as refused:
        read_catalogue(path)
    assert str(path) in str(refused.value)
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CatalogueError, match="No such file"):
        read_catalogue(tmp_path / "teams.csv")
    with pytest.raises(CatalogueError, match=r"holds no catalog-info\.yaml"):
        read_catalogue(tmp_path)


def test_bytes_that_are_no_text_are_named(tmp_path):
    (tmp_path / "teams.csv").write_bytes(b"service,team\n\xff\xfe,a\n")
    with pytest.raises(CatalogueError, match="no UTF-8"):
        read_catalogue(tmp_path / "teams.csv")
