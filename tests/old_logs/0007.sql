PRAGMA application_id=1347174722;
PRAGMA journal_mode=WAL;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO "alembic_version" VALUES('0007');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	run_id VARCHAR(26) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	provider TEXT NOT NULL, 
	model TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reserved_usd DOUBLE, 
	reserved_tokens INTEGER, 
	spent_usd DOUBLE, 
	status_code INTEGER, 
	error_kind VARCHAR(32), 
	error TEXT, 
	completion_id INTEGER, 
	sent_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_attempts PRIMARY KEY (id)
);
INSERT INTO "attempts" VALUES(1,'01m84hg6ny57kh3yqs1wwjz2ae','c191f207e86bc14c0f51d2b87d18a663b20c9afcab648c1570c9969add869bdd','echo','echo',1,'received',0.0,131,0.0,NULL,NULL,NULL,1,'2026-11-23 15:48:24.894529','2026-11-23 15:48:24.918445');
INSERT INTO "attempts" VALUES(2,'01m84hg6ny57kh3yqs1wwjz2ae','ea06542995a7e007e3f5762b6f70165991ca52860778bc16efbedd07791b3a3a','echo','echo',1,'received',0.0,131,0.0,NULL,NULL,NULL,2,'2026-11-23 15:48:24.894529','2026-11-23 15:48:24.918445');
INSERT INTO "attempts" VALUES(3,'01m84hg6ny57kh3yqs1wwjz2ae','e815ce6ddb87f1aa918f32af7e882b6bf73fc19257022bd153c40d5e564fa304','echo','echo',1,'received',0.0,382,0.0,NULL,NULL,NULL,3,'2026-11-23 15:48:24.948735','2026-11-23 15:48:24.966591');
INSERT INTO "attempts" VALUES(4,'01m84hg6ny57kh3yqs1wwjz2ae','96e2af984e40a16f2a5c138c29a7234cdb6b5e1e02891b983a5c5a1f72eea5d1','echo','echo',1,'received',0.0,382,0.0,NULL,NULL,NULL,4,'2026-11-23 15:48:24.948735','2026-11-23 15:48:24.966591');
INSERT INTO "attempts" VALUES(5,'01m84hg6ny57kh3yqs1wwjz2ae','716978096aef88fa41cc7bd2892ef528a3c76afb666c97d3a8e1f63e4cdb7de5','echo','echo',1,'received',0.0,146,0.0,NULL,NULL,NULL,5,'2026-11-23 15:48:25.256909','2026-11-23 15:48:25.268695');
INSERT INTO "attempts" VALUES(6,'01m84hg6ny57kh3yqs1wwjz2ae','ccb87213770b84101f71716c797cc89ee895487f0497e91f4f39dcb56d61c1b6','echo','echo',1,'received',0.0,146,0.0,NULL,NULL,NULL,6,'2026-11-23 15:48:25.256909','2026-11-23 15:48:25.268695');
INSERT INTO "attempts" VALUES(7,'01m84hg6ny57kh3yqs1wwjz2ae','ca5fae5ecaf919431b207f6243cbca8348a42fec071fe0972b652be211738cc4','echo','echo',1,'received',0.0,146,0.0,NULL,NULL,NULL,7,'2026-11-23 15:48:25.256909','2026-11-23 15:48:25.268695');
INSERT INTO "attempts" VALUES(8,'01m84hg6ny57kh3yqs1wwjz2ae','c4baaeeb84733c7f7aebac26b2ccd9b4307ea1370eaa49fbc249af913908d010','echo','echo',1,'received',0.0,146,0.0,NULL,NULL,NULL,8,'2026-11-23 15:48:25.256909','2026-11-23 15:48:25.268695');
CREATE TABLE completions (
	id INTEGER NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	run_id VARCHAR(26) NOT NULL, 
	created_at DATETIME NOT NULL, 
	provider TEXT NOT NULL, 
	model TEXT NOT NULL, 
	request TEXT NOT NULL, 
	text TEXT NOT NULL, 
	tool_calls TEXT, 
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
	logprobs TEXT, 
	CONSTRAINT pk_completions PRIMARY KEY (id)
);
INSERT INTO "completions" VALUES(1,'c191f207e86bc14c0f51d2b87d18a663b20c9afcab648c1570c9969add869bdd','01m84hg6ny57kh3yqs1wwjz2ae','2026-11-23 15:48:24.918445','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{},"messages":[{"role":"user","content":"hello"}],"schema":null,"sample":0}','hello',NULL,'stop','echo',2,2,0,0,0.0,0.0,NULL,1,X'727B2274657874223A2268656C6C6F222C22696E7075745F746F6B656E73223A322C226F75747075745F746F6B656E73223A327D',NULL);
INSERT INTO "completions" VALUES(2,'ea06542995a7e007e3f5762b6f70165991ca52860778bc16efbedd07791b3a3a','01m84hg6ny57kh3yqs1wwjz2ae','2026-11-23 15:48:24.918445','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{},"messages":[{"role":"user","content":"other"}],"schema":null,"sample":0}','other',NULL,'stop','echo',2,2,0,0,0.0,0.0,NULL,1,X'727B2274657874223A226F74686572222C22696E7075745F746F6B656E73223A322C226F75747075745F746F6B656E73223A327D',NULL);
INSERT INTO "completions" VALUES(3,'e815ce6ddb87f1aa918f32af7e882b6bf73fc19257022bd153c40d5e564fa304','01m84hg6ny57kh3yqs1wwjz2ae','2026-11-23 15:48:24.966591','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{"temperature":0.0},"messages":[{"role":"user","content":"{\"reason\": \"hello is a word.\", \"pass\": true, \"score\": 1}"}],"schema":{"type":"object","properties":{"reason":{"type":"string"},"pass":{"type":"boolean"},"score":{"type":"number"}},"required":["reason","pass","score"],"additionalProperties":false},"sample":0}','{"reason": "hello is a word.", "pass": true, "score": 1}',NULL,'stop','echo',14,14,0,0,0.0,0.0,NULL,1,X'727B2274657874223A227B5C22726561736F6E5C223A205C2268656C6C6F206973206120776F72642E5C222C205C22706173735C223A20747275652C205C2273636F72655C223A20317D222C22696E7075745F746F6B656E73223A31342C226F75747075745F746F6B656E73223A31347D',NULL);
INSERT INTO "completions" VALUES(4,'96e2af984e40a16f2a5c138c29a7234cdb6b5e1e02891b983a5c5a1f72eea5d1','01m84hg6ny57kh3yqs1wwjz2ae','2026-11-23 15:48:24.966591','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{"temperature":0.0},"messages":[{"role":"user","content":"{\"reason\": \"other is a word.\", \"pass\": true, \"score\": 1}"}],"schema":{"type":"object","properties":{"reason":{"type":"string"},"pass":{"type":"boolean"},"score":{"type":"number"}},"required":["reason","pass","score"],"additionalProperties":false},"sample":0}','{"reason": "other is a word.", "pass": true, "score": 1}',NULL,'stop','echo',14,14,0,0,0.0,0.0,NULL,1,X'727B2274657874223A227B5C22726561736F6E5C223A205C226F74686572206973206120776F72642E5C222C205C22706173735C223A20747275652C205C2273636F72655C223A20317D222C22696E7075745F746F6B656E73223A31342C226F75747075745F746F6B656E73223A31347D',NULL);
INSERT INTO "completions" VALUES(5,'716978096aef88fa41cc7bd2892ef528a3c76afb666c97d3a8e1f63e4cdb7de5','01m84hg6ny57kh3yqs1wwjz2ae','2026-11-23 15:48:25.268695','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{},"messages":[{"role":"user","content":"hello1"}],"schema":null,"sample":0}','hello1',NULL,'stop','echo',2,2,0,0,0.0,0.0,NULL,1,X'727B2274657874223A2268656C6C6F31222C22696E7075745F746F6B656E73223A322C226F75747075745F746F6B656E73223A327D',NULL);
INSERT INTO "completions" VALUES(6,'ccb87213770b84101f71716c797cc89ee895487f0497e91f4f39dcb56d61c1b6','01m84hg6ny57kh3yqs1wwjz2ae','2026-11-23 15:48:25.268695','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{},"messages":[{"role":"user","content":"hello2"}],"schema":null,"sample":0}','hello2',NULL,'stop','echo',2,2,0,0,0.0,0.0,NULL,1,X'727B2274657874223A2268656C6C6F32222C22696E7075745F746F6B656E73223A322C226F75747075745F746F6B656E73223A327D',NULL);
INSERT INTO "completions" VALUES(7,'ca5fae5ecaf919431b207f6243cbca8348a42fec071fe0972b652be211738cc4','01m84hg6ny57kh3yqs1wwjz2ae','2026-11-23 15:48:25.268695','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{},"messages":[{"role":"user","content":"other1"}],"schema":null,"sample":0}','other1',NULL,'stop','echo',2,2,0,0,0.0,0.0,NULL,1,X'727B2274657874223A226F7468657231222C22696E7075745F746F6B656E73223A322C226F75747075745F746F6B656E73223A327D',NULL);
INSERT INTO "completions" VALUES(8,'c4baaeeb84733c7f7aebac26b2ccd9b4307ea1370eaa49fbc249af913908d010','01m84hg6ny57kh3yqs1wwjz2ae','2026-11-23 15:48:25.268695','echo','echo','{"endpoint":"echo","api":"chat","model":"echo","params":{},"messages":[{"role":"user","content":"other2"}],"schema":null,"sample":0}','other2',NULL,'stop','echo',2,2,0,0,0.0,0.0,NULL,1,X'727B2274657874223A226F7468657232222C22696E7075745F746F6B656E73223A322C226F75747075745F746F6B656E73223A327D',NULL);
CREATE TABLE rows (
	digest VARCHAR(64) NOT NULL, 
	inputs TEXT NOT NULL, 
	columns TEXT NOT NULL, 
	CONSTRAINT pk_rows PRIMARY KEY (digest)
);
INSERT INTO "rows" VALUES('5e7d68124804084baf70b8edc6f422079aa23fa76f288455174417c7f770eb07','{"word":"hello"}','{"id":"first","word":"hello"}');
INSERT INTO "rows" VALUES('f2f1ecb1f3c2bd0e717c08b2f27ce8314271cb36a4a91efdb136efb455b89565','{"word":"other"}','{"id":"second","word":"other"}');
CREATE TABLE run_files (
	run_id VARCHAR(26) NOT NULL, 
	path TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_run_files PRIMARY KEY (run_id, path), 
	CONSTRAINT fk_run_files_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE, 
	CONSTRAINT fk_run_files_digest_snapshots FOREIGN KEY(digest) REFERENCES snapshots (digest)
);
INSERT INTO "run_files" VALUES('01m84hg6ny57kh3yqs1wwjz2ae','pipelines/words.yaml','pipeline','e523b6496093982ad255d13d682f0d0623eba5dcbe0ce9215560680db83a27c0');
INSERT INTO "run_files" VALUES('01m84hg6ny57kh3yqs1wwjz2ae','promptlab.yaml','settings','09bfcc6a14b83e2192b8673677725c84883ee9cd0c70e45c9ec09daa8f2b2847');
INSERT INTO "run_files" VALUES('01m84hg6ny57kh3yqs1wwjz2ae','prompts/judge.j2','prompt','06b78d1fbe9b76c3a7b3284f626a226108a97b92ab575fbd1a736b1fafb372af');
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
	throttle TEXT, 
	made_with TEXT, 
	resumed_at DATETIME, 
	CONSTRAINT pk_runs PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('01m84hg6ny57kh3yqs1wwjz2ae','words','pipelines/words.yaml','passed','2026-11-23 15:48:24.382730','2026-11-23 15:48:25.313084',8.85126125001988839358e-01,NULL,NULL,NULL,'unknown','host','someone',3721,NULL,'{}','["base"]','{"pass_rate":1.0,"error_rate":0.0,"score":1.0,"cost_usd":0.0,"spent_usd":0.0,"latency_ms":0.0,"latency_ms.p50":0.0,"latency_ms.p95":0.0,"cells":{"base":{"pass_rate":1.0,"error_rate":0.0,"score":1.0,"cost_usd":0.0,"spent_usd":0.0,"latency_ms":0.0,"latency_ms.p50":0.0,"latency_ms.p95":0.0}},"$measured":{"intervals":{"pass_rate":{"low":0.34238022750665303,"high":1.0},"error_rate":{"low":0.0,"high":0.6576197724933469},"score":{"low":1.0,"high":1.0},"latency_ms":{"low":0.0,"high":0.0}},"cell_intervals":{"base":{"pass_rate":{"low":0.34238022750665303,"high":1.0},"error_rate":{"low":0.0,"high":0.6576197724933469},"score":{"low":1.0,"high":1.0},"latency_ms":{"low":0.0,"high":0.0}}},"metrics_detail":{},"flaky":{}}}','[]',2,2,0,0,0,0,8,8,0,0.0,0.0,'{"echo/echo":{"start":16,"end":16,"refusals":{},"course":[[0.0,16,"start"]]}}','{"format":1,"fingerprints":"promptlab-completion-1","model":null,"spent":0.0,"endpoints":{"echo/echo":["echo","chat"]},"measures":{"repeat":{"count":1,"pass":null},"asked":[],"cells":[{"name":"base","variant":"base","trials":2,"metrics":[]}]}}',NULL);
CREATE TABLE snapshots (
	digest VARCHAR(64) NOT NULL, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_snapshots PRIMARY KEY (digest)
);
INSERT INTO "snapshots" VALUES('e523b6496093982ad255d13d682f0d0623eba5dcbe0ce9215560680db83a27c0',X'7276657273696F6E3A20310A6D6F64656C3A206563686F2F6563686F0A6A756467653A206563686F2F6563686F0A696E707574733A207B776F72643A20737472696E677D0A646174617365743A0A20202D207B69643A2066697273742C20776F72643A2068656C6C6F7D0A20202D207B69643A207365636F6E642C20776F72643A206F746865727D0A73746570733A0A20202D2069643A207361790A202020206D657373616765733A205B7B726F6C653A20757365722C20636F6E74656E743A20227B7B20776F7264207D7D227D5D0A20202020636865636B733A0A2020202020202D20636F6E7461696E733A20227B7B20776F7264207D7D220A2020202020202D207B747970653A206C6C6D2D7275627269632C2076616C75653A206120776F72642C2070726F6D70743A2070726F6D7074732F6A756467652E6A327D0A20202D2069643A20656163680A20202020666F72656163683A20225B7361792E6F7574707574207E20312C207361792E6F7574707574207E20325D220A2020202073746570733A205B7B69643A206F6E652C206D657373616765733A205B7B726F6C653A20757365722C20636F6E74656E743A20227B7B206974656D207D7D227D5D7D5D0A');
INSERT INTO "snapshots" VALUES('09bfcc6a14b83e2192b8673677725c84883ee9cd0c70e45c9ec09daa8f2b2847',X'7276657273696F6E3A20310A');
INSERT INTO "snapshots" VALUES('06b78d1fbe9b76c3a7b3284f626a226108a97b92ab575fbd1a736b1fafb372af',X'727B7B20277B22726561736F6E223A202227207E206F7574707574207E20272069732027207E2076616C7565207E20272E222C202270617373223A20747275652C202273636F7265223A20317D27207D7D0A');
CREATE TABLE step_runs (
	trial_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	step TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	output TEXT, 
	messages TEXT NOT NULL, 
	said INTEGER DEFAULT '0' NOT NULL, 
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
	logprobs TEXT, 
	CONSTRAINT pk_step_runs PRIMARY KEY (trial_id, position), 
	CONSTRAINT fk_step_runs_trial_id_trials FOREIGN KEY(trial_id) REFERENCES trials (id) ON DELETE CASCADE
);
INSERT INTO "step_runs" VALUES(1,0,'say','passed','"hello"','[{"role":"user","content":"hello"},{"role":"assistant","content":"hello"}]',1,'[["c191f207e86bc14c0f51d2b87d18a663b20c9afcab648c1570c9969add869bdd",1,false,1,false]]','echo/echo',2,2,0.0,0.0,0.0,'stop',NULL,NULL,'495ca33f095433b54aadeb9173abd9d4c6bdf17b24742081b4792a39c47b3f51',NULL,'2d3877c4722618b6545b82fced691be6626cdcbf455f119e259d74edab5077ab',NULL,NULL);
INSERT INTO "step_runs" VALUES(1,1,'each','passed','["hello1","hello2"]','[]',0,'[]',NULL,0,0,0.0,0.0,0.0,NULL,NULL,NULL,'3b6f8c8428b62d8445870df2094cef94e0f2d5f22e7d29b61a282d92ef1f8ad7',NULL,'2d3877c4722618b6545b82fced691be6626cdcbf455f119e259d74edab5077ab',NULL,NULL);
INSERT INTO "step_runs" VALUES(1,2,'each[0].one','passed','"hello1"','[{"role":"user","content":"hello1"},{"role":"assistant","content":"hello1"}]',1,'[["716978096aef88fa41cc7bd2892ef528a3c76afb666c97d3a8e1f63e4cdb7de5",5,false,1,false]]','echo/echo',2,2,0.0,0.0,0.0,'stop',NULL,NULL,'3deb201ecf0499e86c6592b554e95d7e6bff0bb47ded74b2893f75f0b9630bfa',NULL,'2d3877c4722618b6545b82fced691be6626cdcbf455f119e259d74edab5077ab',NULL,NULL);
INSERT INTO "step_runs" VALUES(1,3,'each[1].one','passed','"hello2"','[{"role":"user","content":"hello2"},{"role":"assistant","content":"hello2"}]',1,'[["ccb87213770b84101f71716c797cc89ee895487f0497e91f4f39dcb56d61c1b6",6,false,1,false]]','echo/echo',2,2,0.0,0.0,0.0,'stop',NULL,NULL,'3deb201ecf0499e86c6592b554e95d7e6bff0bb47ded74b2893f75f0b9630bfa',NULL,'2d3877c4722618b6545b82fced691be6626cdcbf455f119e259d74edab5077ab',NULL,NULL);
INSERT INTO "step_runs" VALUES(2,0,'say','passed','"other"','[{"role":"user","content":"other"},{"role":"assistant","content":"other"}]',1,'[["ea06542995a7e007e3f5762b6f70165991ca52860778bc16efbedd07791b3a3a",2,false,1,false]]','echo/echo',2,2,0.0,0.0,0.0,'stop',NULL,NULL,'495ca33f095433b54aadeb9173abd9d4c6bdf17b24742081b4792a39c47b3f51',NULL,'8a075410ed554d54e8de3608c4662164bb3f4729f9a26f00b4ebdd0a59ffc74b',NULL,NULL);
INSERT INTO "step_runs" VALUES(2,1,'each','passed','["other1","other2"]','[]',0,'[]',NULL,0,0,0.0,0.0,0.0,NULL,NULL,NULL,'3b6f8c8428b62d8445870df2094cef94e0f2d5f22e7d29b61a282d92ef1f8ad7',NULL,'8a075410ed554d54e8de3608c4662164bb3f4729f9a26f00b4ebdd0a59ffc74b',NULL,NULL);
INSERT INTO "step_runs" VALUES(2,2,'each[0].one','passed','"other1"','[{"role":"user","content":"other1"},{"role":"assistant","content":"other1"}]',1,'[["ca5fae5ecaf919431b207f6243cbca8348a42fec071fe0972b652be211738cc4",7,false,1,false]]','echo/echo',2,2,0.0,0.0,0.0,'stop',NULL,NULL,'3deb201ecf0499e86c6592b554e95d7e6bff0bb47ded74b2893f75f0b9630bfa',NULL,'8a075410ed554d54e8de3608c4662164bb3f4729f9a26f00b4ebdd0a59ffc74b',NULL,NULL);
INSERT INTO "step_runs" VALUES(2,3,'each[1].one','passed','"other2"','[{"role":"user","content":"other2"},{"role":"assistant","content":"other2"}]',1,'[["c4baaeeb84733c7f7aebac26b2ccd9b4307ea1370eaa49fbc249af913908d010",8,false,1,false]]','echo/echo',2,2,0.0,0.0,0.0,'stop',NULL,NULL,'3deb201ecf0499e86c6592b554e95d7e6bff0bb47ded74b2893f75f0b9630bfa',NULL,'8a075410ed554d54e8de3608c4662164bb3f4729f9a26f00b4ebdd0a59ffc74b',NULL,NULL);
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
INSERT INTO "trials" VALUES(1,'01m84hg6ny57kh3yqs1wwjz2ae',0,'first','5e7d68124804084baf70b8edc6f422079aa23fa76f288455174417c7f770eb07',0,'base','base','{}',0,'passed','["hello1","hello2"]','[]',NULL,1.0,0.0,0.0,0.0,'2026-11-23 15:48:25.284392');
INSERT INTO "trials" VALUES(2,'01m84hg6ny57kh3yqs1wwjz2ae',1,'second','f2f1ecb1f3c2bd0e717c08b2f27ce8314271cb36a4a91efdb136efb455b89565',0,'base','base','{}',0,'passed','["other1","other2"]','[]',NULL,1.0,0.0,0.0,0.0,'2026-11-23 15:48:25.284392');
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
	asked TEXT, 
	CONSTRAINT pk_verdicts PRIMARY KEY (trial_id, position), 
	CONSTRAINT fk_verdicts_trial_id_trials FOREIGN KEY(trial_id) REFERENCES trials (id) ON DELETE CASCADE
);
INSERT INTO "verdicts" VALUES(1,0,0,'say','contains','contains',NULL,'passed',1.0,1.0,'error','contains ''hello''',NULL);
INSERT INTO "verdicts" VALUES(1,1,0,'say','llm-rubric','llm-rubric',NULL,'passed',1.0,1.0,'error','hello is a word.','{"model":"echo/echo","calls":[["e815ce6ddb87f1aa918f32af7e882b6bf73fc19257022bd153c40d5e564fa304",3,false,1,false]],"input_tokens":14,"output_tokens":14,"cost_usd":0.0,"spent_usd":0.0,"latency_ms":0.0}');
INSERT INTO "verdicts" VALUES(2,0,0,'say','contains','contains',NULL,'passed',1.0,1.0,'error','contains ''other''',NULL);
INSERT INTO "verdicts" VALUES(2,1,0,'say','llm-rubric','llm-rubric',NULL,'passed',1.0,1.0,'error','other is a word.','{"model":"echo/echo","calls":[["96e2af984e40a16f2a5c138c29a7234cdb6b5e1e02891b983a5c5a1f72eea5d1",4,false,1,false]],"input_tokens":14,"output_tokens":14,"cost_usd":0.0,"spent_usd":0.0,"latency_ms":0.0}');
CREATE INDEX ix_completions_fingerprint_id ON completions (fingerprint, id);
CREATE INDEX ix_attempts_sent_at ON attempts (sent_at);
CREATE INDEX ix_attempts_unknown ON attempts (fingerprint) WHERE state = 'unknown';
CREATE INDEX ix_attempts_run_id ON attempts (run_id);
CREATE INDEX ix_runs_pipeline_id ON runs (pipeline, id);
CREATE INDEX ix_runs_status ON runs (status);
CREATE INDEX ix_run_files_digest ON run_files (digest);
CREATE UNIQUE INDEX ix_trials_run_id_row_cell_index_repeat ON trials (run_id, "row", cell_index, repeat);
COMMIT;
