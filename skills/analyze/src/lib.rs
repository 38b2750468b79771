//! Skill analyze: catalogs into roles, owner lists, links and the extraction order.
