// Allocation: binary trees, many short-lived and one that stays.
sealed class Tree
{
    readonly Tree left, right;

    Tree(Tree left, Tree right) { this.left = left; this.right = right; }

    public static Tree Grow(int depth)
    {
        return depth == 0 ? new Tree(null, null) : new Tree(Grow(depth - 1), Grow(depth - 1));
    }

    public int Count() { return left == null ? 1 : 1 + left.Count() + right.Count(); }
}

static class BinTrees
{
    static readonly Tree lasting = Tree.Grow(16);

    static long Work()
    {
        long nodes = 0;
        for (int depth = 4; depth <= 16; depth += 2)
            for (int i = 0; i < 1 << (17 - depth); i++)
                nodes += Tree.Grow(depth).Count();
        return nodes + lasting.Count();
    }

    static int Main() { return Bench.Run("bintrees", Work); }
}
