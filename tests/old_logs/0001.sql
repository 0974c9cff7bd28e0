PRAGMA application_id=1347174722;
PRAGMA journal_mode=WAL;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE attempts (
	id INTEGER NOT NULL,
	run_id VARCHAR(26) NOT NULL,
	fingerprint VARCHAR(64) NOT NULL,
	provider TEXT NOT NULL,
	model TEXT NOT NULL,
	number INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	reserved_usd DOUBLE,
	spent_usd DOUBLE,
	status_code INTEGER,
	error_kind VARCHAR(32),
	error TEXT,
	completion_id INTEGER,
	sent_at DATETIME NOT NULL,
	ended_at DATETIME,
	CONSTRAINT pk_attempts PRIMARY KEY (id)
);
INSERT INTO "attempts" VALUES(1,'01m83gsehyd7e6dqzcg2w8twky','c533f35447c71b53c4bff7616bed793242e56d0f0047b3e97ecec45705691708','echo','echo',1,'received',0.0,0.0,NULL,NULL,NULL,1,'2026-11-23 06:16:44.670435','2026-11-23 06:16:44.686143');
INSERT INTO "attempts" VALUES(2,'01m83gsehyd7e6dqzcg2w8twky','0f968ace89312f13d8d842ed229f6e770902119867f50238816e918df26b3f42','echo','echo',1,'received',0.0,0.0,NULL,NULL,NULL,2,'2026-11-23 06:16:44.686143','2026-11-23 06:16:44.698665');
CREATE TABLE completions (
	id INTEGER NOT NULL,
	fingerprint VARCHAR(64) NOT NULL,
	run_id VARCHAR(26) NOT NULL,
	created_at DATETIME NOT NULL,
	provider TEXT NOT NULL,
	model TEXT NOT NULL,
	request TEXT NOT NULL,
	text TEXT NOT NULL,
	finish_reason VARCHAR(32) NOT NULL,
	answered_by TEXT NOT NULL,
	input_tokens INTEGER NOT NULL,
	output_tokens INTEGER NOT NULL,
	cached_tokens INTEGER NOT NULL,
	reasoning_tokens INTEGER NOT NULL,
	cost_usd DOUBLE,
	latency_ms DOUBLE NOT NULL,
	first_token_ms DOUBLE,
	attempts INTEGER NOT NULL,
	raw BLOB NOT NULL,
	CONSTRAINT pk_completions PRIMARY KEY (id)
);
INSERT INTO "completions" VALUES(1,'c533f35447c71b53c4bff7616bed793242e56d0f0047b3e97ecec45705691708','01m83gsehyd7e6dqzcg2w8twky','2026-11-23 06:16:44.686143','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{},"messages":[{"role":"system","content":"Repeat it."},{"role":"user","content":"hello"}],"schema":null,"sample":0}','hello','stop','echo',4,2,0,0,0.0,0.0,NULL,1,X'727B2274657874223A2268656C6C6F222C22696E7075745F746F6B656E73223A342C226F75747075745F746F6B656E73223A327D');
INSERT INTO "completions" VALUES(2,'0f968ace89312f13d8d842ed229f6e770902119867f50238816e918df26b3f42','01m83gsehyd7e6dqzcg2w8twky','2026-11-23 06:16:44.698665','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{},"messages":[{"role":"system","content":"Repeat it."},{"role":"user","content":"world"}],"schema":null,"sample":0}','world','stop','echo',4,2,0,0,0.0,0.0,NULL,1,X'727B2274657874223A22776F726C64222C22696E7075745F746F6B656E73223A342C226F75747075745F746F6B656E73223A327D');
CREATE TABLE rows (
	digest VARCHAR(64) NOT NULL,
	inputs TEXT NOT NULL,
	columns TEXT NOT NULL,
	CONSTRAINT pk_rows PRIMARY KEY (digest)
);
INSERT INTO "rows" VALUES('91a3cba02f55c4d889ccceccfc29815220377abd17656033eba55d40c9b9889c','{"word":"hello"}','{"id":"a","word":"hello"}');
INSERT INTO "rows" VALUES('ca49f5f94e922dd069b2ee0e13fb32261b9ff657cd5f645d5e4d21888966c654','{"word":"world"}','{"id":"b","word":"world"}');
CREATE TABLE run_files (
	run_id VARCHAR(26) NOT NULL,
	path TEXT NOT NULL,
	kind VARCHAR(16) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	CONSTRAINT pk_run_files PRIMARY KEY (run_id, path),
	CONSTRAINT fk_run_files_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE,
	CONSTRAINT fk_run_files_digest_snapshots FOREIGN KEY(digest) REFERENCES snapshots (digest)
);
INSERT INTO "run_files" VALUES('01m83gsehyd7e6dqzcg2w8twky','pipelines/reply.yaml','pipeline','768083cc60bc40766eba8377000f0c19ca7bb9354abe5a7fade98c9c39b9b963');
INSERT INTO "run_files" VALUES('01m83gsehyd7e6dqzcg2w8twky','promptlab.yaml','settings','09bfcc6a14b83e2192b8673677725c84883ee9cd0c70e45c9ec09daa8f2b2847');
CREATE TABLE runs (
	id VARCHAR(26) NOT NULL,
	pipeline TEXT NOT NULL,
	path TEXT,
	status VARCHAR(16) NOT NULL,
	started_at DATETIME NOT NULL,
	ended_at DATETIME,
	seconds DOUBLE,
	reason TEXT,
	git_commit VARCHAR(64),
	git_dirty BOOLEAN,
	version VARCHAR(32) NOT NULL,
	host TEXT NOT NULL,
	user TEXT NOT NULL,
	pid INTEGER NOT NULL,
	note TEXT,
	options TEXT NOT NULL,
	cells TEXT NOT NULL,
	metrics TEXT NOT NULL,
	gates TEXT NOT NULL,
	planned INTEGER NOT NULL,
	passed INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	errored INTEGER NOT NULL,
	skipped INTEGER NOT NULL,
	"left" INTEGER NOT NULL,
	sent INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	recalled INTEGER NOT NULL,
	cost_usd DOUBLE,
	spent_usd DOUBLE,
	CONSTRAINT pk_runs PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('01m83gsehyd7e6dqzcg2w8twky','reply','pipelines/reply.yaml','passed','2026-11-23 06:16:44.384304','2026-11-23 06:16:44.726691',3.10100562001025537028e-01,NULL,NULL,NULL,'0.1.0','host','someone',4711,NULL,'{}','["base"]','{"pass_rate":1.0,"error_rate":0.0,"score":1.0,"cost_usd":0.0,"spent_usd":0.0,"latency_ms":0.0,"latency_ms.p50":0.0,"latency_ms.p95":0.0,"cells":{"base":{"pass_rate":1.0,"error_rate":0.0,"score":1.0,"cost_usd":0.0,"spent_usd":0.0,"latency_ms":0.0,"latency_ms.p50":0.0,"latency_ms.p95":0.0}}}','[]',2,2,0,0,0,0,2,2,0,0.0,0.0);
CREATE TABLE snapshots (
	digest VARCHAR(64) NOT NULL,
	content BLOB NOT NULL,
	CONSTRAINT pk_snapshots PRIMARY KEY (digest)
);
INSERT INTO "snapshots" VALUES('768083cc60bc40766eba8377000f0c19ca7bb9354abe5a7fade98c9c39b9b963',X'7276657273696F6E3A20310A646174617365743A0A20202D207B69643A20612C20776F72643A2068656C6C6F7D0A20202D207B69643A20622C20776F72643A20776F726C647D0A6D6F64656C3A206563686F2F6563686F0A696E707574733A207B776F72643A20737472696E677D0A73746570733A0A20202D2069643A207361790A202020206D657373616765733A205B7B726F6C653A2073797374656D2C20636F6E74656E743A205265706561742069742E7D2C207B726F6C653A20757365722C20636F6E74656E743A20227B7B20776F7264207D7D227D5D0A20202020636865636B733A205B7B636F6E7461696E733A20227B7B20776F7264207D7D227D5D0A');
INSERT INTO "snapshots" VALUES('09bfcc6a14b83e2192b8673677725c84883ee9cd0c70e45c9ec09daa8f2b2847',X'7276657273696F6E3A20310A');
CREATE TABLE step_runs (
	trial_id INTEGER NOT NULL,
	position INTEGER NOT NULL,
	step TEXT NOT NULL,
	status VARCHAR(16) NOT NULL,
	output TEXT,
	messages TEXT NOT NULL,
	calls TEXT NOT NULL,
	model TEXT,
	input_tokens INTEGER NOT NULL,
	output_tokens INTEGER NOT NULL,
	cost_usd DOUBLE,
	spent_usd DOUBLE,
	latency_ms DOUBLE NOT NULL,
	finish_reason VARCHAR(32),
	error TEXT,
	error_kind VARCHAR(32),
	template_digest VARCHAR(64),
	includes_digest VARCHAR(64),
	row_digest VARCHAR(64),
	code_digest VARCHAR(64),
	CONSTRAINT pk_step_runs PRIMARY KEY (trial_id, position),
	CONSTRAINT fk_step_runs_trial_id_trials FOREIGN KEY(trial_id) REFERENCES trials (id) ON DELETE CASCADE
);
INSERT INTO "step_runs" VALUES(1,0,'say','passed','"hello"','[{"role":"system","content":"Repeat it."},{"role":"user","content":"hello"},{"role":"assistant","content":"hello"}]','[["c533f35447c71b53c4bff7616bed793242e56d0f0047b3e97ecec45705691708",1,false,1]]','echo/echo',4,2,0.0,0.0,0.0,'stop',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "step_runs" VALUES(2,0,'say','passed','"world"','[{"role":"system","content":"Repeat it."},{"role":"user","content":"world"},{"role":"assistant","content":"world"}]','[["0f968ace89312f13d8d842ed229f6e770902119867f50238816e918df26b3f42",2,false,1]]','echo/echo',4,2,0.0,0.0,0.0,'stop',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE trials (
	id INTEGER NOT NULL,
	run_id VARCHAR(26) NOT NULL,
	"row" INTEGER NOT NULL,
	row_id TEXT NOT NULL,
	row_digest VARCHAR(64) NOT NULL,
	cell_index INTEGER NOT NULL,
	cell TEXT NOT NULL,
	variant TEXT NOT NULL,
	axes TEXT NOT NULL,
	repeat INTEGER NOT NULL,
	status VARCHAR(16) NOT NULL,
	outputs TEXT,
	tags TEXT NOT NULL,
	error TEXT,
	score DOUBLE,
	cost_usd DOUBLE,
	spent_usd DOUBLE,
	latency_ms DOUBLE NOT NULL,
	finished_at DATETIME NOT NULL,
	CONSTRAINT pk_trials PRIMARY KEY (id),
	CONSTRAINT fk_trials_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "trials" VALUES(1,'01m83gsehyd7e6dqzcg2w8twky',0,'a','91a3cba02f55c4d889ccceccfc29815220377abd17656033eba55d40c9b9889c',0,'base','base','{}',0,'passed','"hello"','[]',NULL,1.0,0.0,0.0,0.0,'2026-11-23 06:16:44.698665');
INSERT INTO "trials" VALUES(2,'01m83gsehyd7e6dqzcg2w8twky',1,'b','ca49f5f94e922dd069b2ee0e13fb32261b9ff657cd5f645d5e4d21888966c654',0,'base','base','{}',0,'passed','"world"','[]',NULL,1.0,0.0,0.0,0.0,'2026-11-23 06:16:44.717838');
CREATE TABLE verdicts (
	trial_id INTEGER NOT NULL,
	position INTEGER NOT NULL,
	step_position INTEGER,
	step TEXT,
	name TEXT NOT NULL,
	type TEXT NOT NULL,
	metric TEXT,
	status VARCHAR(16) NOT NULL,
	score DOUBLE,
	weight DOUBLE NOT NULL,
	severity VARCHAR(8) NOT NULL,
	reason TEXT NOT NULL,
	CONSTRAINT pk_verdicts PRIMARY KEY (trial_id, position),
	CONSTRAINT fk_verdicts_trial_id_trials FOREIGN KEY(trial_id) REFERENCES trials (id) ON DELETE CASCADE
);
INSERT INTO "verdicts" VALUES(1,0,0,'say','contains','contains',NULL,'passed',1.0,1.0,'error','contains ''hello''');
INSERT INTO "verdicts" VALUES(2,0,0,'say','contains','contains',NULL,'passed',1.0,1.0,'error','contains ''world''');
CREATE INDEX ix_completions_fingerprint_id ON completions (fingerprint, id);
CREATE INDEX ix_attempts_sent_at ON attempts (sent_at);
CREATE INDEX ix_attempts_run_id ON attempts (run_id);
CREATE INDEX ix_runs_pipeline_id ON runs (pipeline, id);
CREATE INDEX ix_runs_status ON runs (status);
CREATE INDEX ix_run_files_digest ON run_files (digest);
CREATE UNIQUE INDEX ix_trials_run_id_row_cell_index_repeat ON trials (run_id, "row", cell_index, repeat);
COMMIT;
