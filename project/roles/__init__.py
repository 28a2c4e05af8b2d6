"""The processes that make up the product: web, worker, scheduler, and what prepares them."""
