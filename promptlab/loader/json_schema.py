def pipeline_schema(): return {}
